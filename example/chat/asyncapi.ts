import { toStandardJsonSchema } from "@valibot/to-json-schema";
import type { StompMessaging } from "express-stomp";
import { type AsyncApi, asyncApi } from "express-stomp/asyncapi";

/** Makes the document of what pages and programs may send and hear, for the staff: it names their destinations too. */
export function chatApi(messaging: StompMessaging): AsyncApi {
  return asyncApi(messaging, {
    title: "Chat",
    version: "1.0.0",
    description: "Rooms, who is in them, and private messages. Times are milliseconds since 1970.",
    host: "localhost:8080",
    securitySchemes: {
      login: { type: "httpApiKey", name: "chat.sid", in: "cookie", description: "As POST /login sets it" },
    },
    // The contract is the browsers' too, and they need no JSON Schema.
    toStandardJsonSchema,
  });
}
