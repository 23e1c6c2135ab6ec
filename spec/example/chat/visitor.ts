import type { Response } from "supertest";
import { PageVisitor } from "../shared/page-visitor.js";

const PASSWORD = "a long password";

/** Someone at the chat's pages. */
export class Visitor extends PageVisitor {
  signUp(name: string, password = PASSWORD): Promise<Response> {
    return this.post("/signup", { name, password });
  }

  override logIn(name: string, password = PASSWORD): Promise<Response> {
    return super.logIn(name, password);
  }

  /** Opens a room, and gives its id. */
  async openRoom(name: string): Promise<string> {
    await this.post("/chat/room", { name }, "/chat/rooms");
    const [, id] = /roomId=([0-9a-f-]{36})/.exec((await this.get("/chat/rooms")).text) ?? [];
    if (id === undefined) throw new Error(`The room ${name} was not opened`);
    return id;
  }
}
