import type { TextMapGetter, TextMapSetter } from "@opentelemetry/api";
import type { NativeHeaders } from "../index.js";

/** No propagator writes more, and a client's headers may be long. */
const VALUE_LIMIT = 512;

/** Printable ASCII: all that W3C's headers may have. */
const SAYABLE = /^[\x20-\x7e]*$/;

/** Reads a message's headers; what is no context that a propagator has written is not there. */
export const HEADERS: TextMapGetter<NativeHeaders> = {
  get(headers, name) {
    const value = headers.get(name);
    return value !== undefined && value.length <= VALUE_LIMIT && SAYABLE.test(value) ? value : undefined;
  },
  keys: (headers) => [...headers].map(([name]) => name),
};

/** Writes into headers, which are replaced. */
export const WRITER: TextMapSetter<{ headers: NativeHeaders }> = {
  set(carrier, name, value) {
    carrier.headers = carrier.headers.with(name, value);
  },
};
