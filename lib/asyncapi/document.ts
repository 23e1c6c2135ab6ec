/** A part of the document that stands in another place. */
export interface Reference {
  readonly $ref: string;
}

/** JSON Schema, draft-07. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Extensions: what AsyncAPI has no word for. */
type Extensions = { readonly [Name in `x-${string}`]?: unknown };

/** An endpoint, or a port of `messaging.listen`. */
export interface AsyncApiServer extends Extensions {
  readonly host: string;
  readonly pathname?: string;
  readonly protocol: "stomp";
  readonly protocolVersion: string;
  readonly description: string;
  readonly security?: readonly Reference[];
  readonly bindings: { readonly stomp: Readonly<Record<string, never>> };
}

/** A variable of an address. */
export interface AsyncApiParameter {
  readonly description?: string;
}

/** A kind of message under a destination. */
export interface AsyncApiMessage extends Extensions {
  readonly name: string;
  readonly title: string;
  readonly summary?: string;
  readonly contentType?: string;
  readonly payload?: JsonSchema;
  readonly headers?: JsonSchema;
  /** Headers of STOMP and of this library. */
  readonly traits?: readonly Reference[];
}

/** A destination, or a pattern of destinations. */
export interface AsyncApiChannel extends Extensions {
  readonly address: string;
  readonly description?: string;
  readonly parameters?: Readonly<Record<string, AsyncApiParameter>>;
  readonly messages: Readonly<Record<string, AsyncApiMessage>>;
}

/** Messages that come back. */
export interface AsyncApiReply {
  readonly channel: Reference;
  readonly messages: readonly Reference[];
}

/** A thing that the application does: `receive` what clients send, or `send` what they hear. */
export interface AsyncApiOperation extends Extensions {
  readonly action: "receive" | "send";
  readonly channel: Reference;
  readonly messages: readonly Reference[];
  readonly summary: string;
  readonly description?: string;
  readonly reply?: AsyncApiReply;
  readonly security?: readonly Reference[];
  /** Of `send`: `x-subscribe-headers`, the headers of SUBSCRIBE. */
  readonly traits?: readonly Reference[];
}

/** An AsyncAPI 3.1 document, as far as one is made. */
export interface AsyncApiDocument extends Extensions {
  readonly asyncapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly [field: string]: unknown };
  readonly defaultContentType: string;
  readonly servers: Readonly<Record<string, AsyncApiServer>>;
  readonly channels: Readonly<Record<string, AsyncApiChannel>>;
  readonly operations: Readonly<Record<string, AsyncApiOperation>>;
  readonly components: {
    readonly schemas?: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes?: Readonly<Record<string, JsonSchema>>;
    readonly messageTraits?: Readonly<Record<string, object>>;
    readonly operationTraits?: Readonly<Record<string, object>>;
  };
}
