import { destinations } from "express-stomp/contract";
import { z } from "zod";

/** A contract, for specs. */
export const chat = destinations({
  "/app/room/{id:[0-9]+}": { send: z.object({ text: z.string() }) },
  "/app/count": { send: z.coerce.number() },
  "/app/rooms": { subscribe: z.array(z.object({ id: z.number() })) },
  "/topic/room/{id}": { message: z.object({ text: z.string(), at: z.coerce.date() }) },
  "/topic/open": { send: z.string(), message: z.string() },
  "/user/queue/errors": { message: z.object({ error: z.string() }) },
});
