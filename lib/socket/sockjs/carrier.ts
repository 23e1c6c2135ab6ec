import type { ServerResponse } from "node:http";
import type { HttpTransport } from "./http-transport.js";

export interface CarrierOptions {
  readonly transport: HttpTransport;
  /** The function of the client's page, for transports that call one. */
  readonly callback: string;
  /** Bytes after which a streaming response is full. */
  readonly streamBytesLimit: number;
}

/** A response that carries frames to the client: one, or as many as its transport and the limit allow. */
export class Carrier {
  readonly response: ServerResponse;
  readonly #options: CarrierOptions;
  #bytes = 0;

  constructor(response: ServerResponse, options: CarrierOptions) {
    this.response = response;
    this.#options = options;
    const prelude = options.transport.prelude(options.callback);
    if (prelude !== "") response.write(prelude);
  }

  /**
   * Sends a frame. Returns whether another one may follow.
   *
   * @param left called when it has left the process, or its response has ended first
   */
  write(frame: string, left: () => void): boolean {
    const text = this.#text(frame);
    this.#bytes += Buffer.byteLength(text);
    if (!this.#options.transport.isStreaming || this.#bytes >= this.#options.streamBytesLimit) {
      this.response.end(text);
      return false;
    }
    this.response.write(text, left);
    return true;
  }

  /** Sends the last frame. */
  end(frame: string): void {
    this.response.end(this.#text(frame));
  }

  #text(frame: string): string {
    return this.#options.transport.wrap(frame, this.#options.callback);
  }
}
