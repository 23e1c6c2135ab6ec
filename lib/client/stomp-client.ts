/** Headers of a frame, by name. */
export interface StompHeaders {
  [name: string]: string;
}

/** A MESSAGE, as far as it is looked at here: `IMessage` of @stomp/stompjs is one. */
export interface StompMessage {
  readonly headers: StompHeaders;
  readonly body: string;
  ack(headers?: StompHeaders): void;
  nack(headers?: StompHeaders): void;
}

/** Another frame of the server: ERROR, RECEIPT, CONNECTED. */
export interface StompFrame {
  readonly headers: StompHeaders;
}

/** A SEND, as `client.publish` takes it. */
export interface Publication {
  destination: string;
  headers?: StompHeaders;
  body?: string;
  binaryBody?: Uint8Array;
  skipContentLengthHeader?: boolean;
}

/**
 * A client that connects again by itself, such as `Client` of @stomp/stompjs 6
 * and 7, or anything that has the same members.
 */
export interface StompClient<M extends StompMessage = StompMessage> {
  readonly connected: boolean;
  onConnect(frame: StompFrame): void;
  onStompError(frame: StompFrame): void;
  subscribe(
    destination: string,
    take: (message: M) => void,
    headers?: StompHeaders,
  ): { unsubscribe(headers?: StompHeaders): void };
  publish(publication: Publication): void;
  watchForReceipt(receiptId: string, take: (frame: StompFrame) => void): void;
}
