import type { Octets } from "../../message/octets.js";
import { FrameRun } from "../frame-run.js";
import type { Carriage } from "../shared-message.js";

/** One way of SockJS to carry frames to the client on HTTP responses. */
export interface HttpTransport {
  /** SockJS's name for it where it is not part of a URL. */
  readonly name: string;
  readonly methods: readonly string[];
  readonly contentType: string;
  /** Whether a response carries frames until it is full, instead of one. */
  readonly isStreaming: boolean;
  /** Whether the client names a function of its page, which each frame then calls. */
  readonly hasCallback: boolean;
  /** The beginning of a response, which makes browsers hand on what follows at once. */
  prelude(callback: string): string;
  /** A frame as it stands in the response. */
  wrap(frame: Octets, callback: string): Octets;
  /** How frames stand on the line in a response that has no callback of its client's: as they are, and in chunks of HTTP. */
  readonly plain: Carriage;
  readonly chunked: Carriage;
}

type Wrapping = Omit<HttpTransport, "wrap" | "plain" | "chunked"> & {
  wrap(frame: string, callback: string): string;
};

const POST = ["OPTIONS", "POST"];
const SCRIPT = "application/javascript; charset=UTF-8";
const PRELUDE_LENGTH = 2048;
const HTML_LENGTH = 1024;
const NO_PRELUDE = () => "";

const WRAPPINGS: readonly (readonly [string, Wrapping])[] = [
  [
    "xhr",
    {
      name: "xhr-polling",
      methods: POST,
      contentType: SCRIPT,
      isStreaming: false,
      hasCallback: false,
      prelude: NO_PRELUDE,
      wrap: (frame) => `${frame}\n`,
    },
  ],
  [
    "xhr_streaming",
    {
      name: "xhr-streaming",
      methods: POST,
      contentType: SCRIPT,
      isStreaming: true,
      hasCallback: false,
      prelude: () => `${"h".repeat(PRELUDE_LENGTH)}\n`,
      wrap: (frame) => `${frame}\n`,
    },
  ],
  [
    "eventsource",
    {
      name: "eventsource",
      methods: ["GET"],
      contentType: "text/event-stream",
      isStreaming: true,
      hasCallback: false,
      prelude: () => "\r\n",
      // Clients decode it as a URI. JSON leaves no line breaks.
      wrap: (frame) => `data: ${frame.replaceAll("%", "%25")}\r\n\r\n`,
    },
  ],
  [
    "htmlfile",
    {
      name: "htmlfile",
      methods: ["GET"],
      contentType: "text/html; charset=UTF-8",
      isStreaming: true,
      hasCallback: true,
      prelude: htmlPage,
      wrap: (frame) => `<script>\np(${scriptText(frame)});\n</script>\r\n`,
    },
  ],
  [
    "jsonp",
    {
      name: "jsonp-polling",
      methods: ["GET"],
      contentType: SCRIPT,
      isStreaming: false,
      hasCallback: true,
      prelude: NO_PRELUDE,
      // With the comment in front the answer is a script and nothing else: a callback's name could begin a Flash file.
      wrap: (frame, callback) => `/**/${callback}(${scriptText(frame)});\r\n`,
    },
  ],
];

/** The transports by the last part of their URL. */
export const HTTP_TRANSPORTS: ReadonlyMap<string, HttpTransport> = new Map(
  WRAPPINGS.map(([name, wrapping]) => [name, transportOf(wrapping)]),
);

function transportOf(wrapping: Wrapping): HttpTransport {
  // The wrapping is ASCII, so that text and octets are the same.
  const wrap = (frame: Octets, callback: string) => wrapping.wrap(frame, callback) as Octets;
  const carriage = (onLine: (content: Octets) => Octets): Carriage => {
    return {
      carry: (frame) => {
        const content = wrap(frame, "");
        return { run: FrameRun.whole(onLine(content)), length: content.length };
      },
    };
  };
  return { ...wrapping, wrap, plain: carriage((content) => content), chunked: carriage(chunkOf) };
}

/** A chunk of a response (RFC 9112, 7.1). */
function chunkOf(content: Octets): Octets {
  return `${content.length.toString(16)}\r\n${content}\r\n` as Octets;
}

/** A frame as a script's string, which no message can end: not by `</script>`, nor by `<!--`. */
function scriptText(frame: string): string {
  return JSON.stringify(frame).replaceAll("<", "\\u003c").replaceAll(">", "\\u003e");
}

/**
 * A page without end: each frame that follows is a script. Browsers begin to run them after some bytes. The
 * protocol's page sets `document.domain` too, which would let pages of other ports in.
 */
function htmlPage(callback: string): string {
  const page = `<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    var c = parent.${callback};
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>`;
  return `${page.padEnd(HTML_LENGTH)}\r\n\r\n`;
}
