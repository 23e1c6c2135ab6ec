import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { untilListening } from "./until-listening.js";

/** A real proxy, by itself in a folder. */
export class ProxyProgram {
  readonly #program: ChildProcess;
  readonly #folder: string;

  private constructor(program: ChildProcess, folder: string) {
    this.#program = program;
    this.#folder = folder;
  }

  /**
   * @param port where the configuration listens
   * @param args after the program's path, with the folder where it may write
   * @param files of the folder
   */
  static async start(
    path: string,
    port: number,
    args: (folder: string) => string[],
    files: (folder: string) => Record<string, string>,
  ): Promise<ProxyProgram> {
    const folder = await mkdtemp(join(tmpdir(), "express-stomp-proxy-"));
    await mkdir(join(folder, "temp"));
    for (const [name, text] of Object.entries(files(folder))) await writeFile(join(folder, name), text);
    const program = spawn(path, args(folder), {
      cwd: folder,
      env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    program.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await untilListening(port, program).catch((cause: unknown) => {
      throw new Error(`${path} does not start: ${said}`, { cause });
    });
    return new ProxyProgram(program, folder);
  }

  async stop(): Promise<void> {
    if (this.#program.exitCode === null) {
      this.#program.kill();
      await once(this.#program, "exit");
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** nginx, with a configuration's `map`, `upstream` and `server`. */
export function startNginx(path: string, configuration: string, port: number): Promise<ProxyProgram> {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return ProxyProgram.start(
    path,
    port,
    (folder) => ["-p", folder, "-c", join(folder, "nginx.conf")],
    (folder) => ({
      "nginx.conf": `daemon off; pid ${folder}/pid; worker_processes 1; error_log stderr warn;
      events { worker_connections 512; }
      http {
        access_log off;
        ${temporary.map((name) => `${name}_temp_path ${folder}/temp/${name};`).join("\n")}
        ${configuration}
      }`,
    }),
  );
}

/** Caddy, with a Caddyfile's sites, whose certificates it makes itself. */
export function startCaddy(path: string, sites: string, port: number): Promise<ProxyProgram> {
  return ProxyProgram.start(
    path,
    port,
    (folder) => ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"],
    () => ({
      Caddyfile: `{
        admin off
        local_certs
        skip_install_trust
        auto_https disable_redirects
        default_bind 127.0.0.1
        https_port ${port}
      }
      ${sites}`,
    }),
  );
}

/**
 * HAProxy, with a configuration's `defaults`, `frontend` and `backend`.
 *
 * @param configuration makes it, of the file with the certificate and its key
 */
export function startHaProxy(
  path: string,
  configuration: (certificate: string) => string,
  certificate: string,
  port: number,
): Promise<ProxyProgram> {
  return ProxyProgram.start(
    path,
    port,
    (folder) => ["-db", "-f", join(folder, "haproxy.cfg")],
    (folder) => ({
      "chat.pem": certificate,
      "haproxy.cfg": configuration(join(folder, "chat.pem")),
    }),
  );
}
