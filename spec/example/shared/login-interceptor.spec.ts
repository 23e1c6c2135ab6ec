import { once } from "node:events";
import { expect } from "chai";
import { createMessage, type MessageHeaders } from "express-stomp";
import { LoginInterceptor } from "../../../example/shared/login-interceptor.js";

describe("LoginInterceptor", () => {
  const CONNECT = { messageType: "CONNECT", sessionId: "s" } as const;
  const message = (headers: Partial<MessageHeaders>) =>
    createMessage(new Uint8Array(), {
      messageType: "CONNECT",
      ...headers,
      sessionAttributes: new Map([["login", "a"]]),
    });

  it("sees a login that ends while it is asked for", async () => {
    const asked = new EventTarget();
    const interceptor = new LoginInterceptor(async () => {
      await once(asked, "answer");
      return true;
    });
    const passing = interceptor.preSend(message(CONNECT));
    interceptor.end("a");
    asked.dispatchEvent(new Event("answer"));

    expect((await passing).headers.grant?.fault?.message).to.equal("You have logged out.");
  });

  it("refuses, and hands the error on, when it cannot ask", async () => {
    const interceptor = new LoginInterceptor(() => Promise.reject(new Error("no database")));
    const failure = await Promise.resolve(interceptor.preSend(message(CONNECT))).catch(
      (error: unknown) => error,
    );

    expect(failure).to.have.property("message", "no database");
  });
});
