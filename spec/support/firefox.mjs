#!/usr/bin/env node
// Firefox as it is installed, for playwright-core: starts it with these arguments, and stands between the two on the
// line of WebDriver BiDi. A command that this Firefox does not know yet (playwright-core sets media features for each
// page, wanted or not) is answered as done, where it would fail.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { WebSocket, WebSocketServer } from "ws";

const LISTENING = /^WebDriver BiDi listening on (ws:\/\/\S+)$/;

const firefox = spawn(process.env.FIREFOX_PROGRAM ?? "firefox-esr", process.argv.slice(2), {
  stdio: ["ignore", "inherit", "pipe"],
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => firefox.kill(signal));
firefox.once("exit", (code) => process.exit(code ?? 1));

createInterface({ input: firefox.stderr }).on("line", (line) => {
  const [, address] = LISTENING.exec(line) ?? [];
  if (address === undefined) process.stderr.write(`${line}\n`);
  else standBetween(address);
});

function standBetween(address) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => {
    process.stderr.write(`WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}\n`);
  });
  server.on("connection", (driver, { url }) => {
    driver.pause();
    const browser = new WebSocket(address + url.replace(/\/$/, ""));
    browser.once("open", () => driver.resume());
    driver.on("message", (data) => browser.send(data.toString()));
    browser.on("message", (data) => driver.send(knownOrDone(data.toString())));
    driver.on("close", () => browser.close());
    browser.on("close", () => driver.close());
    browser.on("error", () => driver.close());
  });
}

function knownOrDone(text) {
  const { id, error } = JSON.parse(text);
  return error === "unknown command" ? JSON.stringify({ type: "success", id, result: {} }) : text;
}
