import { createHash } from "node:crypto";

/** The modules of packages, for pages that name them as programs do: `import { chat } from "express-stomp/contract"`. */
export const IMPORT_MAP = JSON.stringify({
  imports: {
    "express-stomp/client": "/vendor/express-stomp/client/index.js",
    "express-stomp/contract": "/vendor/express-stomp/contract/index.js",
    valibot: "/vendor/valibot/index.mjs",
  },
});

/** It stands in the page itself: the page's policy names this very text. */
export const IMPORT_MAP_SOURCE = `'sha256-${createHash("sha256").update(IMPORT_MAP).digest("base64")}'`;
