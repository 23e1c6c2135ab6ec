import type { Request, Response } from "express";
import type { Clock, StompMessaging, TappedFrame, TapTarget } from "../index.js";
import type { Visitor } from "./gate.js";
import type { InspectorSettings } from "./options.js";
import type { FrameRow } from "./page/answers.js";
import { textOf } from "./page-of.js";
import { Problem } from "./problem.js";

/** A reader that is so far behind, in bytes, is shown no more until it has caught up. */
const BEHIND = 256 * 1024;
const SECOND = 1_000;
/** How often a line is written while nothing passes, in seconds: proxies cut what is idle. */
const LIFE_SIGN = 15;

/** The taps that are open, of all visitors. */
export class TapStreams {
  readonly #messaging: StompMessaging;
  readonly #settings: InspectorSettings;
  #open = 0;

  constructor(messaging: StompMessaging, settings: InspectorSettings) {
    this.#messaging = messaging;
    this.#settings = settings;
  }

  /**
   * Answers with frames as they pass, as server-sent events, until somebody ends it, its time is over, or the messaging closes.
   *
   * @throws Problem when the target makes no sense, or too many are open
   */
  open(req: Request, res: Response, { name: by, allowed }: Visitor): void {
    const { limit } = this.#settings.taps;
    const { inspection } = this.#messaging;
    // The close of a visitor who has left meanwhile does not come again.
    if (res.destroyed) return;
    const target = targetOf(req);
    if (this.#open >= limit) {
      throw new Problem(429, `${limit} taps are open already: end one of them first.`);
    }
    const stream = new TapStream(res, {
      settings: this.#settings,
      withBodies: allowed.includes("payloads"),
      clock: this.#messaging.brokerChannel.clock,
      isClosing: () => this.#messaging.health().status === "closing",
    });
    let end: () => void;
    try {
      end = inspection.tap(target, (frame) => stream.show(frame));
    } catch (error) {
      throw new Problem(400, (error as Error).message);
    }
    this.#open++;
    inspection.acted({ action: "tap", by, target: { ...target }, reason: undefined, outcome: "done" });
    res.once("close", () => {
      this.#open--;
      end();
      stream.stop();
    });
    stream.start();
  }
}

interface TapStreamOptions {
  readonly settings: InspectorSettings;
  readonly withBodies: boolean;
  readonly clock: Clock;
  isClosing(): boolean;
}

/** One tap, as it is written to its visitor. */
class TapStream {
  readonly #res: Response;
  readonly #options: TapStreamOptions;
  readonly #limits: InspectorSettings["taps"];
  #budget: number;
  #leftOut = 0;
  #seconds = 0;
  #stopClock = () => {};

  constructor(res: Response, options: TapStreamOptions) {
    this.#res = res;
    this.#options = options;
    this.#limits = options.settings.taps;
    this.#budget = this.#limits.framesPerSecond;
  }

  start(): void {
    this.#res.status(200).set({
      "Content-Type": "text/event-stream; charset=utf-8",
      // Compressing middleware would hold frames back.
      "Cache-Control": "no-store, no-transform",
      "X-Accel-Buffering": "no",
    });
    this.#res.flushHeaders();
    this.#write("begin", { duration: this.#limits.duration });
    const second = Math.min(SECOND, this.#limits.duration);
    this.#stopClock = this.#options.clock.every(second, () => this.#second());
  }

  stop(): void {
    this.#stopClock();
  }

  show(frame: TappedFrame): void {
    if (this.#budget === 0 || this.#res.writableLength > BEHIND) {
      this.#leftOut++;
      return;
    }
    this.#budget--;
    this.#write("frame", this.#rowOf(frame));
  }

  #second(): void {
    const { framesPerSecond, duration } = this.#limits;
    this.#seconds++;
    this.#budget = framesPerSecond;
    if (this.#leftOut > 0 && this.#res.writableLength <= BEHIND) {
      this.#write("left-out", { frames: this.#leftOut });
      this.#leftOut = 0;
    } else if (this.#seconds % LIFE_SIGN === 0) this.#res.write(":\n\n");

    const isOver = this.#seconds * SECOND >= duration;
    if (!isOver && !this.#options.isClosing()) return;
    this.stop();
    this.#write("end", { reason: isOver ? "time" : "closing" });
    this.#res.end();
  }

  #write(event: string, data: unknown): void {
    this.#res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #rowOf({ at, sessionId, body, headers, ...frame }: TappedFrame): FrameRow {
    const { withBodies, settings } = this.#options;
    const { masked, taps } = settings;
    const shown = withBodies ? textIn(body, taps.bodyLimit) : undefined;
    return {
      ...frame,
      at: at.toISOString(),
      session: sessionId,
      headers: headers.map(([name, value]) => [name, masked.has(name.toLowerCase()) ? "PROTECTED" : value]),
      bytes: body.byteLength,
      body: shown,
      isCut: shown !== undefined && body.byteLength > taps.bodyLimit,
    };
  }
}

/** The beginning of a text; `undefined` if the bytes are none. */
function textIn(body: Uint8Array, limit: number): string | undefined {
  try {
    const isWhole = body.byteLength <= limit;
    // A character that the limit cuts in half is left out.
    return new TextDecoder("utf-8", { fatal: true }).decode(body.subarray(0, limit), { stream: !isWhole });
  } catch {
    return undefined;
  }
}

function targetOf(req: Request): TapTarget {
  const sessionId = textOf(req, "session");
  const destination = textOf(req, "destination");
  if ((sessionId === "") === (destination === "")) {
    throw new Problem(400, "A tap takes a session or a destination: ?session=… or ?destination=/topic/news.");
  }
  return sessionId === "" ? { destination } : { sessionId };
}
