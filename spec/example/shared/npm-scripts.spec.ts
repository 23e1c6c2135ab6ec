import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "chai";

const DATABASE = "example.db";

for (const [script, files] of [
  ["start", [DATABASE]],
  ["chat:cores", [DATABASE]],
  ["portfolio", [DATABASE]],
  ["greeting", []],
] as const) {
  describe(`npm run ${script}`, function () {
    this.timeout(120_000);

    let folder: string;
    let npm: ChildProcessByStdio<null, Readable, Readable>;
    let output: Promise<string>;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "npm-scripts-"));
      npm = spawn("npm", ["run", script], {
        // A group of its own, as a terminal gives one to each command.
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          PORT: "0",
          HOST: "127.0.0.1",
          DATABASE_URL: join(folder, DATABASE),
          NODE_V8_COVERAGE: "",
        },
      });
      output = text(npm.stderr);
      await untilServing();
    });

    afterEach(async () => {
      endGroup();
      await rm(folder, { recursive: true });
    });

    async function untilServing(): Promise<void> {
      for await (const chunk of npm.stdout.iterator({ destroyOnReturn: false })) {
        if (/http:\/\/localhost:\d+/.test(`${chunk}`)) return;
      }
      throw new Error(`npm run ${script} has ended: ${await output}`);
    }

    function endGroup(): void {
      try {
        process.kill(-npm.pid!, "SIGKILL");
      } catch {
        // Nothing of it is left.
      }
    }

    it("ends with npm, and leaves nothing open, when npm is told to end", async () => {
      npm.kill("SIGTERM");
      npm.stdout.resume();
      // Comes when no process is left that has npm's output.
      await once(npm, "close");

      expect(await readdir(folder)).to.deep.equal(files);
    });
  });
}
