/** A header that clients write, and its meaning. */
export interface TokenHeader {
  readonly name: string;
  /** Whether a frame without it is refused. */
  readonly required: boolean;
  /** `bearer`: who the client is, written `Bearer …`; `csrf`: a token of its page against forged requests. */
  readonly kind: "bearer" | "csrf";
}

/** A destination that is the library's or an interceptor's own, and no controller's. */
export interface OwnDestination {
  /** As the template takes it where it is `toUser`: without the prefix of user destinations. */
  readonly destination: string;
  readonly toUser?: boolean;
  /** Its purpose, in a sentence. */
  readonly text: string;
  /** JSON Schema of the payload; none where the payload does not matter. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** Of what clients send. */
  readonly headers?: readonly TokenHeader[];
  /** JSON Schemas of the headers of what they hear, beside those of every MESSAGE. */
  readonly messageHeaders?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The part of an interceptor that clients have to know, for documents about the application. */
export interface InterceptorDescription {
  /** Headers of CONNECT. */
  readonly connectHeaders?: readonly TokenHeader[];
  /** Destinations that clients send to for it. */
  readonly sends?: readonly OwnDestination[];
  /** Destinations where clients hear of it. */
  readonly messages?: readonly OwnDestination[];
}
