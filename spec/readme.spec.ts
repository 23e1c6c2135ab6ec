import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect } from "chai";
import type { Browser } from "playwright-core";
import { freePorts } from "../example/shared/broker-process.js";
import { launchChromium } from "./support/chromium.js";
import { packed } from "./support/stranger.js";

const run = promisify(execFile);

/** The quick start of a page: its blocks, in order, by language. */
async function quickStart(page: string) {
  const text = await readFile(page, "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({
    language,
    code: code ?? "",
  }));
  const of = (language: string, index = 0) =>
    blocks.filter((block) => block.language === language)[index]?.code ?? "";
  return {
    server: of("ts"),
    install: of("sh"),
    start: of("sh", 1),
    tsconfig: of("json"),
    html: of("html"),
    printed: of("text"),
    shown: of("text", 1),
  };
}

/** Makes node_modules as npm would, without a registry: the package as it is packed, the others as links. */
async function install(folder: string, names: string[]): Promise<void> {
  const own = join(folder, "node_modules/express-stomp");
  await mkdir(own, { recursive: true });
  await run("tar", ["-xzf", await packed(), "-C", own, "--strip-components=1"]);
  for (const name of [...names, "ws"].filter((each) => each !== "express-stomp")) {
    const link = join(folder, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(resolve("node_modules", name), link);
  }
  await mkdir(join(folder, "node_modules/.bin"));
  await symlink(resolve("node_modules/typescript/bin/tsc"), join(folder, "node_modules/.bin/tsc"));
}

for (const page of ["README.md", "docs/ko/quick-start.md"]) {
  describe(`The quick start of ${page}, as it is printed, in an empty folder with the packed library`, function () {
    // npm pack, the compiler and Chromium are programs that start.
    this.timeout(120_000);
    let folder: string;
    let port: number;
    let steps: Awaited<ReturnType<typeof quickStart>>;
    let program: ChildProcess | undefined;
    let browser: Browser | undefined;

    before(async () => {
      steps = await quickStart(page);
      folder = await mkdtemp(join(tmpdir(), "express-stomp-start-"));
      [port] = (await freePorts(1)) as [number];
    });

    after(async () => {
      await browser?.close();
      program?.kill();
      await rm(folder, { recursive: true, force: true });
    });

    it("installs what it names", async () => {
      const commands = steps.install.trim().split("\n");
      const npm = commands.filter((command) => command.startsWith("npm install"));
      for (const command of commands.filter((each) => !npm.includes(each))) {
        await run("sh", ["-c", command], { cwd: folder });
      }
      const names = npm.flatMap((command) =>
        command
          .split(" ")
          .slice(2)
          .filter((word) => !word.startsWith("-")),
      );
      expect(names).to.include("express-stomp");
      await install(folder, names);
      expect(JSON.parse(await readFile(join(folder, "package.json"), "utf8"))).to.include({ type: "module" });
    });

    it("compiles", async () => {
      await mkdir(join(folder, "public"));
      await writeFile(join(folder, "tsconfig.json"), steps.tsconfig);
      await writeFile(join(folder, "public/index.html"), steps.html);
      // Its port may be taken here; all else stays as it is printed.
      await writeFile(join(folder, "server.ts"), steps.server.replaceAll("8080", String(port)));
      const [compile = ""] = steps.start.split("\n");

      await run("sh", ["-c", compile], { cwd: folder }).catch((error: { stdout: string }) => {
        throw new Error(error.stdout);
      });
    });

    it("starts, and prints what it says", async () => {
      const [, start = ""] = steps.start.split("\n");
      const [command = "", ...args] = start.split(" ");
      program = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
      const lines = createInterface({ input: program.stdout! });
      const [line] = (await Promise.race([once(lines, "line"), once(program, "exit")])) as [unknown];
      expect(line).to.equal(steps.printed.trim().replace("8080", String(port)));
    });

    it("shows the greeting in both windows", async function () {
      browser = await launchChromium(this);
      const windows = [await browser.newPage(), await browser.newPage()];
      for (const window of windows) {
        const subscribed = window
          .waitForEvent("websocket")
          .then((socket) =>
            socket.waitForEvent("framesent", ({ payload }) => String(payload).startsWith("SUBSCRIBE")),
          );
        await Promise.all([subscribed, window.goto(`http://localhost:${port}`)]);
      }
      await windows[0]?.fill("[name=name]", "Rod");
      await windows[0]?.click("button");
      for (const window of windows) {
        await window.waitForSelector("li");
        expect(await window.locator("li").allTextContents()).to.deep.equal([steps.shown.trim()]);
      }
    });
  });
}
