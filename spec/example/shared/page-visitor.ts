import request, { type Response } from "supertest";

/** Someone at an example's pages, with cookies and forms as a browser has them. */
export class PageVisitor {
  readonly #agent;

  /** @param origin as `http://127.0.0.1:8080` */
  constructor(origin: string, language = "en") {
    this.#agent = request.agent(origin).set("Accept-Language", language);
  }

  async get(path: string): Promise<Response> {
    return this.#agent.get(path);
  }

  /** Sends a form from the page that has it, with the page's token. */
  async post(path: string, fields: Record<string, string>, page = "/login"): Promise<Response> {
    const [, token] = /name="_csrf" value="([^"]+)"/.exec((await this.get(page)).text) ?? [];
    return this.postWithout(path, { ...fields, _csrf: token! });
  }

  /** Sends a form that has no token. */
  async postWithout(path: string, fields: Record<string, string>): Promise<Response> {
    return this.#agent.post(path).type("form").send(fields);
  }

  logIn(name: string, password: string): Promise<Response> {
    return this.post("/login", { name, password });
  }

  /** What a handshake carries to be let in. */
  cookie(): string {
    const scope = { domain: "127.0.0.1", path: "/", secure: false, script: false };
    return this.#agent.jar.getCookies(scope).toValueString();
  }
}
