import { readFileSync } from "node:fs";
import { expect } from "chai";
import { API_PAGE, apiPage } from "../support/api.js";

describe("docs/api.md", function () {
  this.timeout(120_000);

  it("has every exported signature as it is; `npm run docs:api` writes it", () => {
    expect(readFileSync(API_PAGE, "utf8")).to.equal(apiPage());
  });
});
