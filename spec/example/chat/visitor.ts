import request, { type Response } from "supertest";

/** Someone at the chat's pages, with cookies and forms as a browser has them. */
export class Visitor {
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

  signUp(name: string, password = "a long password"): Promise<Response> {
    return this.post("/signup", { name, password });
  }

  logIn(name: string, password = "a long password"): Promise<Response> {
    return this.post("/login", { name, password });
  }

  /** Opens a room, and gives its id. */
  async openRoom(name: string): Promise<string> {
    await this.post("/chat/room", { name }, "/chat/rooms");
    const [, id] = /roomId=([0-9a-f-]{36})/.exec((await this.get("/chat/rooms")).text) ?? [];
    if (id === undefined) throw new Error(`The room ${name} was not opened`);
    return id;
  }

  /** What a handshake carries to be let in. */
  cookie(): string {
    const scope = { domain: "127.0.0.1", path: "/", secure: false, script: false };
    return this.#agent.jar.getCookies(scope).toValueString();
  }
}
