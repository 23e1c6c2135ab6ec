import { readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";
import {
  Controller,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  SubscribeMapping,
  simpleBroker,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

const page = readFileSync("docs/protocol.md", "utf8");

@Controller()
class Answers {
  @MessageMapping("/hello")
  @SendTo("/topic/greetings")
  greet(@Payload() { name }: { name: string }) {
    return { content: `Hello, ${name}!` };
  }

  @SubscribeMapping("/version")
  version() {
    return "0.1";
  }

  @MessageMapping("/letter")
  @SendToUser("/queue/letters")
  letter(@Payload() text: string) {
    return text;
  }
}

/** One thing that happens: a frame as the page shows it, or how the server closes. */
interface Step {
  readonly by: "→" | "←";
  readonly text: string;
}

const shown = `${page}\n${readFileSync("docs/history.md", "utf8")}`;
const conversations = [...shown.matchAll(/^### ([^\n]*)\n```stomp\n(.*?)^```$/gms)].map(
  ([, title = "", text = ""]) => ({
    title,
    steps: text.split(/^(?=[→←] )/m).map((step): Step => {
      const lines = step.trimEnd().split("\n");
      return {
        by: step[0] as Step["by"],
        text: lines.map((line) => line.slice(2)).join("\n"),
      };
    }),
  }),
);

/** A frame without a body is shown without the empty line that ends its headers. */
function frameOf(text: string): string {
  return text.includes("\n\n") ? `${text}^@` : `${text}\n\n^@`;
}

describe("docs/protocol.md", () => {
  describe("has eight conversations, a ninth is in docs/history.md, and the server", () => {
    let server: TestServer;

    beforeEach(async () => {
      server = await startServer({
        endpoints: [{ path: "/ws" }],
        controllers: [Answers],
        broker: simpleBroker({
          destinationPrefixes: ["/topic", "/queue"],
          queuePrefixes: ["/queue"],
          history: { destinations: ["/topic/room/*"], size: 10, ttl: 60_000 },
        }),
      });
    });

    afterEach(() => server.close());

    for (const { title, steps } of conversations) {
      it(`holds to "${title}"`, async () => {
        const known = new Map<string, string>();
        const isShown = steps[0]?.text.startsWith("CONNECT\n");
        const client = await (isShown ? RawClient.open : RawClient.connect)(server.port);

        for (const { by, text } of steps) {
          if (by === "→") {
            client.send(frameOf(text.replace(/…\d/g, (name) => known.get(name) ?? name)));
          } else if (text.startsWith("close ")) {
            expect(await client.closed()).to.equal(Number(text.slice("close ".length)));
          } else {
            const names = [...text.matchAll(/…\d?/g)].map(([name]) => name);
            const pattern = frameOf(text)
              .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
              .replace(/…\d?/g, "(.+)");
            const said = new RegExp(`^${pattern}$`).exec(await client.frame());
            expect(said, text).not.to.equal(null);
            for (const [index, name] of names.entries()) known.set(name, said?.[index + 1] ?? "");
          }
        }
        client.cut();
      });
    }

    it("of which there are nine in all", () => expect(conversations.length).to.equal(9));
  });

  it("has 300 lines at most", () => {
    expect(page.trimEnd().split("\n").length).to.be.at.most(300);
  });

  it("quotes texts of ERROR that lib/ has", () => {
    const table = page.split("| `message` | `retry` |")[1]!.split("\n\n")[0]!;
    const quoted = [...table.matchAll(/^\| (`.*?) \| (?:`|a number)/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text),
    );
    expect(quoted.length).to.be.above(40);
    const source = sourcesIn("lib").join("\n");
    const unknown = quoted.filter((text) => text.split(VARIES).some((part) => !source.includes(part.trim())));
    expect(unknown).to.deep.equal([]);
  });

  it("lists every header that lib/ names", () => {
    const listed = new Set(
      [...page.matchAll(/`([A-Za-z][\w-]*)`/g)].map(([, name = ""]) => name.toLowerCase()),
    );
    const unlisted = headersIn("lib").filter((name) => !listed.has(name) && !NO_HEADERS.has(name));
    expect(unlisted).to.deep.equal([]);
  });
});

/** Parts of a text of ERROR that lib/ fills in: commands, limits, numbers, what a client wrote. */
const VARIES = /…|\/…|\b[A-Z]{3,}\b|\b[a-z]+[A-Z]\w+|[\d.]+|^Frame|^Session/;

/** Texts that stand where names of headers stand and are none. */
const NO_HEADERS = new Set([
  // Values, and keys of other maps.
  ...["websocket", "c", "true", "env", "callback", "no-store", "nosniff", "sameorigin", "client-individual"],
  // Of a page's head.
  "x-ua-compatible",
]);

/** Headers that lib/ reads and writes by name: arguments of a header's methods, keys of header objects, names in HTTP's spelling. */
function headersIn(folder: string): string[] {
  const names = new Set<string>();
  // The headers of clients that brokers act on have a table of their own, in docs/relay.md; and these packages are clients, write a document, or are pages.
  for (const text of sourcesIn(
    folder,
    (file) => !/header-policy\.ts$|^(asyncapi|client|inspector|testing)\//.test(file),
  )) {
    for (const pattern of [
      /(?:headers|native|own|connect)\??\.(?:get|has|with|without)\("([A-Za-z][\w-]*)"/g,
      /\.(?:set|setHeader|getHeader|removeHeader)\("([A-Za-z][\w-]*)"/g,
      /headers\["([a-z-]+)"\]/g,
      /"([A-Za-z]+(?:-[A-Za-z]+)+)":/g,
      /"((?:[A-Z][A-Za-z]*-)+[A-Z][A-Za-z]*)"/g,
    ]) {
      for (const [, name = ""] of text.matchAll(pattern)) names.add(name.toLowerCase());
    }
  }
  return [...names].sort();
}

/** The code of a folder's files, without comments. */
function sourcesIn(folder: string, isWanted: (file: string) => boolean = () => true): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && isWanted(file))
    .map((file) => readFileSync(`${folder}/${file}`, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ""));
}
