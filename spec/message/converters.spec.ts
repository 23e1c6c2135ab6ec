import { expect } from "chai";
import { createMessage, MessageConversionError, type MessageConverter } from "express-stomp";
import { CompositeMessageConverter } from "#lib/message/converters.js";

const converter = new CompositeMessageConverter();
const message = (body: string | Uint8Array, contentType?: string) =>
  createMessage(typeof body === "string" ? Buffer.from(body) : body, { contentType });

describe("CompositeMessageConverter", () => {
  describe("fromMessage", () => {
    it("reads JSON when no content type is given", () => {
      expect(converter.fromMessage(message('{"a":[1]}'), Object)).to.deep.equal({ a: [1] });
    });

    it("reads application/json and application/*+json, parameters and case aside", () => {
      for (const type of ["application/json", "Application/JSON;charset=utf-8", "application/vnd.x+json"]) {
        expect(converter.fromMessage(message("7", type), undefined)).to.equal(7);
      }
    });

    it("reads text where a string is wanted, whatever the content type", () => {
      expect(converter.fromMessage(message('"x"', "application/json"), String)).to.equal('"x"');
      expect(converter.fromMessage(message("x"), String)).to.equal("x");
    });

    it("reads text/* as text where nothing particular is wanted", () => {
      expect(converter.fromMessage(message("안녕", "text/plain"), Object)).to.equal("안녕");
    });

    it("reads text in its charset", () => {
      const latin = message(Uint8Array.of(0xe9), "text/plain;charset=ISO-8859-1");
      expect(converter.fromMessage(latin, String)).to.equal("é");
    });

    it("leaves a byte order mark out", () => {
      for (const type of ["text/plain", "text/plain;charset=UTF-8"]) {
        expect(converter.fromMessage(message("\ufeff{}", type), String)).to.equal("{}");
      }
    });

    it("gives the bytes themselves where bytes are wanted", () => {
      const bytes = Uint8Array.of(0, 255);
      expect(converter.fromMessage(message(bytes), Uint8Array)).to.equal(bytes);
      expect(converter.fromMessage(message(bytes, "application/octet-stream"), Object)).to.equal(bytes);
      expect(converter.fromMessage(message(bytes), Buffer)).to.deep.equal(Buffer.from([0, 255]));
    });

    it("refuses what it cannot read, in words that the client may see", () => {
      const cases: [string | Uint8Array, string | undefined, string][] = [
        ["{", undefined, "The payload is no valid JSON"],
        [Uint8Array.of(0xff), undefined, "The payload is no utf-8 text"],
        ["x", "text/plain;charset=klingon", "The payload is no klingon text"],
        ["x", "image/png", "Cannot convert image/png to a value"],
      ];
      for (const [body, type, text] of cases) {
        expect(() => converter.fromMessage(message(body, type), Object))
          .to.throw(MessageConversionError, text)
          .with.property("publicMessage", text);
      }
    });

    it("refuses JSON of more than 100 levels, whatever its texts hold", () => {
      const nested = (levels: number) => `${'{"a":['.repeat(levels / 2)}${"]}".repeat(levels / 2)}`;
      expect(converter.fromMessage(message(nested(100)), Object)).to.be.an("object");
      for (const body of [nested(102), "[".repeat(60_000), `{"a":"${"[".repeat(200)}","b":${nested(100)}}`]) {
        expect(() => converter.fromMessage(message(body), Object))
          .to.throw(MessageConversionError)
          .with.property("publicMessage", "The payload is JSON of more than 100 levels");
      }
      const flat = JSON.stringify([`${"[{".repeat(200)}\\`, ...Array(200).fill([{ a: '"[{' }])]);
      expect(converter.fromMessage(message(flat), Object)).to.have.length(201);
    });

    it("refuses text where a class is wanted, as Spring does", () => {
      class Greeting {}
      expect(() => converter.fromMessage(message("x", "text/plain"), Greeting)).to.throw(
        "Cannot convert text/plain to Greeting",
      );
    });
  });

  describe("toPayload", () => {
    const asText = (value: unknown, contentType?: string) => {
      const converted = converter.toPayload(value, contentType);
      return [Buffer.from(converted.payload).toString(), converted.contentType];
    };

    it("writes strings as text, bytes as they are, all else as JSON", () => {
      expect(asText("안녕")).to.deep.equal(["안녕", "text/plain;charset=UTF-8"]);
      expect(asText(Buffer.from("b"))).to.deep.equal(["b", "application/octet-stream"]);
      expect(asText({ a: 1 })).to.deep.equal(['{"a":1}', "application/json"]);
      expect(asText(null)).to.deep.equal(["null", "application/json"]);
    });

    it("keeps the content type that was asked for", () => {
      expect(asText("<p>", "text/html")).to.deep.equal(["<p>", "text/html"]);
      expect(asText({}, "application/problem+json")).to.deep.equal(["{}", "application/problem+json"]);
    });

    it("refuses what no converter can write", () => {
      const cyclic: Record<string, unknown> = {};
      cyclic.self = cyclic;
      for (const value of [undefined, () => 1, 10n, cyclic]) {
        expect(() => converter.toPayload(value)).to.throw(MessageConversionError);
      }
      expect(() => converter.toPayload({}, "image/png")).to.throw("Cannot convert object to image/png");
    });
  });

  it("asks the application's own converters first", () => {
    const shouting: MessageConverter = {
      fromMessage: () => "READ",
      toPayload: () => ({ payload: Buffer.from("WRITTEN"), contentType: "text/loud" }),
    };
    const composite = new CompositeMessageConverter([shouting]);

    expect(composite.fromMessage(message("x"), String)).to.equal("READ");
    expect(composite.toPayload("x").contentType).to.equal("text/loud");
  });
});
