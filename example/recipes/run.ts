import { readdirSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** `npm run recipe -- <name>`: starts one recipe, at `PORT` or 8080. */
const HELPERS = ["run"];
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".js"))
  .map((file) => file.slice(0, -".js".length))
  .filter((name) => !HELPERS.includes(name));

const [, , name = ""] = process.argv;
if (names.includes(name)) {
  const { server }: { server?: Server } = await import(`./${name}.js`);
  server?.once("error", (error) => {
    throw error;
  });
  server?.once("listening", () => {
    const { port } = server.address() as AddressInfo;
    console.log(`${name}: http://localhost:${port}, STOMP at ws://localhost:${port}/ws`);
  });
} else {
  console.error(`npm run recipe -- <name>, which is one of:\n  ${names.join("\n  ")}`);
  process.exitCode = 1;
}
