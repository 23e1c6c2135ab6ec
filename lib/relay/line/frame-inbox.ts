import { StompDecoder } from "../../stomp/decoder.js";
import type { Frame } from "../../stomp/frame.js";
import type { RelaySettings } from "../relay-settings.js";
import { versionOf } from "./broker-handshake.js";

export interface FrameInboxOptions {
  readonly settings: RelaySettings;
  /** Takes a frame; what follows waits for the promise, which never rejects. */
  take(frame: Frame): void | Promise<void>;
  /** Something waits, and nothing should be read; or not any more. */
  hold(isHeld: boolean): void;
  /** Bytes came that are no frame; those before were taken. */
  spoiled(error: Error): void;
}

const LIMITS = { headerCountLimit: 1_000, commandLimit: 32 };

/** Makes frames of the broker's bytes, and hands them on one by one. */
export class FrameInbox {
  readonly #options: FrameInboxOptions;
  readonly #decoder: StompDecoder;
  /** Decoded, and not handed on because somebody is slow. */
  readonly #frames: Frame[] = [];
  #held = false;
  #fault: Error | undefined;

  constructor(options: FrameInboxOptions) {
    const { messageSizeLimit, headerBytesLimit } = options.settings;
    this.#options = options;
    this.#decoder = new StompDecoder({
      accepts: "server",
      ...LIMITS,
      messageSizeLimit,
      headerBytesLimit,
      headerLineLimit: headerBytesLimit,
    });
  }

  receive(chunk: Uint8Array): void {
    try {
      this.#decoder.decode(chunk, (frame) => {
        // Frames behind it in the same bytes are already written in the version that was agreed on.
        if (frame.command === "CONNECTED") this.#decoder.version = versionOf(frame);
        this.#frames.push(frame);
      });
    } catch (error) {
      this.#fault = error as Error;
    }
    this.#drain();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#frames.length = 0;
  }

  #drain(): void {
    while (!this.#held) {
      const frame = this.#frames.shift();
      if (!frame) break;

      const room = this.#options.take(frame);
      if (room) this.#hold(room);
    }
    if (!this.#held && this.#fault) this.#options.spoiled(this.#fault);
  }

  #hold(room: Promise<void>): void {
    this.#held = true;
    this.#options.hold(true);
    void room.then(() => {
      this.#held = false;
      this.#drain();
      if (!this.#held) this.#options.hold(false);
    });
  }
}
