import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { untilListening } from "./until-listening.js";

/** A real nginx, by itself in a folder, with a configuration's `map`, `upstream` and `server`. */
export class Nginx {
  readonly #program: ChildProcess;
  readonly #folder: string;

  private constructor(program: ChildProcess, folder: string) {
    this.#program = program;
    this.#folder = folder;
  }

  /** @param port where the configuration listens */
  static async start(path: string, configuration: string, port: number): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), "express-stomp-nginx-"));
    await mkdir(join(folder, "temp"));
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    await writeFile(
      join(folder, "nginx.conf"),
      `daemon off; pid ${folder}/pid; worker_processes 1; error_log stderr warn;
      events { worker_connections 512; }
      http {
        access_log off;
        ${temporary.map((name) => `${name}_temp_path ${folder}/temp/${name};`).join("\n")}
        ${configuration}
      }`,
    );
    const program = spawn(path, ["-p", folder, "-c", join(folder, "nginx.conf")], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await untilListening(port, program);
    return new Nginx(program, folder);
  }

  async stop(): Promise<void> {
    if (this.#program.exitCode === null) {
      this.#program.kill();
      await once(this.#program, "exit");
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
