import type { Response } from "express";
import { answer } from "../answer.js";

/** One way of SockJS to carry messages from the client, beside the transports that carry frames to it. */
export interface HttpSender {
  /** The transports it comes with. */
  readonly transports: readonly string[];
  readonly methods: readonly string[];
  /** The field of a form that holds them. */
  readonly field?: string;
  accepted(res: Response): void;
}

/** The senders by the last part of their URL. */
export const HTTP_SENDERS = new Map<string, HttpSender>([
  [
    "xhr_send",
    {
      transports: ["xhr", "xhr_streaming", "eventsource", "htmlfile"],
      methods: ["OPTIONS", "POST"],
      // Firefox takes an answer without a type for XML, and complains.
      accepted: (res) => answer(res, 204, "", { "Content-Type": "text/plain; charset=UTF-8" }),
    },
  ],
  [
    "jsonp_send",
    { transports: ["jsonp"], methods: ["POST"], field: "d", accepted: (res) => answer(res, 200, "ok") },
  ],
]);
