import { expect } from "chai";
import { MessageConversionError } from "express-stomp";
import { decodeText, encodeText } from "#lib/message/charset.js";

describe("A charset", () => {
  const written: [charset: string, text: string, bytes: number[]][] = [
    ["UTF-8", "é", [0xc3, 0xa9]],
    ['"utf-8"', "é", [0xc3, 0xa9]],
    ["ISO-8859-1", "é", [0xe9]],
    ["iso-8859-15", "€", [0xa4]],
    ["KOI8-R", "да", [0xc4, 0xc1]],
    ["US-ASCII", "a", [0x61]],
    ["EUC-KR", "a", [0x61]],
    ["utf-16", "é", [0xe9, 0]],
    ["UTF-16BE", "é😀", [0, 0xe9, 0xd8, 0x3d, 0xde, 0x00]],
  ];
  for (const [charset, text, bytes] of written) {
    it(`is written as it says: ${text} in ${charset}`, () => {
      const type = `text/plain; charset=${charset}`;
      expect([...encodeText(text, type)]).to.deep.equal(bytes);
      expect(decodeText(Uint8Array.from(bytes), type)).to.equal(text);
    });
  }

  it("is UTF-8 when there is none", () => {
    for (const type of [undefined, "text/plain", "text/plain;format=flowed"]) {
      expect([...encodeText("é", type)]).to.deep.equal([0xc3, 0xa9]);
    }
  });

  const refused: [charset: string, says: string][] = [
    ["klingon", "A payload cannot be written in klingon, a charset that is not known"],
    ["ISO-8859-1", 'A payload with "한" cannot be written in ISO-8859-1: use charset=utf-8'],
    ["euc-kr", 'A payload with "한" cannot be written in euc-kr: use charset=utf-8'],
  ];
  for (const [charset, says] of refused) {
    it(`is refused where it cannot be written: 한 in ${charset}`, () => {
      expect(() => encodeText("a한", `text/plain;charset=${charset}`)).to.throw(MessageConversionError, says);
    });
  }
});
