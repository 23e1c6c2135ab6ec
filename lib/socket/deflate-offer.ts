/** The sizes of a window, as a power of two, that an offer of permessage-deflate may name (RFC 7692, 7.1.2). */
const WINDOW_BITS = /^(?:[89]|1[0-5])$/;

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`[ \\t]*;[ \\t]*(${TOKEN})(?:[ \\t]*=[ \\t]*(?:(${TOKEN})|"(${TOKEN})"))?`, "y");
const NAME = new RegExp(`[ \\t]*(${TOKEN})`, "y");
const COMMA = /[ \t]*,/y;
const END = /[ \t]*$/y;

/**
 * Gives the first offer of permessage-deflate that can be met, out of a
 * `Sec-WebSocket-Extensions` header; `undefined` when there is none. An offer
 * that cannot be met is passed over, and the connection goes on without (RFC
 * 7692, 7.1); a header that is no list of extensions is given as it is, for ws to refuse.
 *
 * @param windowBits those of the window that messages to clients are compressed with
 */
export function deflateOffer(header: string, windowBits: number): string | undefined {
  const offers = parse(header);
  if (offers === undefined) return header;

  const offer = offers.find(
    ({ name, parameters }) => name === "permessage-deflate" && canBeMet(parameters, windowBits),
  );
  return offer && [offer.name, ...offer.parameters.map(written)].join("; ");
}

interface Parameter {
  readonly name: string;
  readonly value: string | undefined;
}

interface Offer {
  readonly name: string;
  readonly parameters: readonly Parameter[];
}

function written({ name, value }: Parameter): string {
  return value === undefined ? name : `${name}=${value}`;
}

function canBeMet(parameters: readonly Parameter[], windowBits: number): boolean {
  if (new Set(parameters.map(({ name }) => name)).size < parameters.length) return false;

  return parameters.every(({ name, value }) => {
    switch (name) {
      case "server_no_context_takeover":
      case "client_no_context_takeover":
        return value === undefined;
      case "client_max_window_bits":
        return value === undefined || WINDOW_BITS.test(value);
      case "server_max_window_bits":
        return value !== undefined && WINDOW_BITS.test(value) && Number(value) >= windowBits;
      default:
        return false;
    }
  });
}

/** Reads a list of extensions (RFC 6455, 9.1); `undefined` when it is none. */
function parse(header: string): readonly Offer[] | undefined {
  const offers: Offer[] = [];
  let at = 0;
  const take = (expression: RegExp) => {
    expression.lastIndex = at;
    const found = expression.exec(header);
    if (found) at = expression.lastIndex;
    return found;
  };
  for (;;) {
    const name = take(NAME)?.[1];
    if (name === undefined) return undefined;

    const parameters: Parameter[] = [];
    for (let found = take(PARAMETER); found; found = take(PARAMETER)) {
      parameters.push({ name: found[1] as string, value: found[2] ?? found[3] });
    }
    offers.push({ name, parameters });
    if (take(END)) return offers;
    if (!take(COMMA)) return undefined;
  }
}
