import { createHash } from "node:crypto";
import type { Request, Response } from "express";
import { cacheForAYear } from "./caching.js";

const BOOTSTRAP = `
    SockJS.bootstrap_iframe();
  `;

/**
 * The page in which SockJS clients run their iframe transports, on the server's own pages only. The protocol's
 * page sets `document.domain` too, which would let pages of other ports in.
 */
export class IframePage {
  readonly #html: string;
  readonly #etag: string;
  readonly #contentSecurityPolicy: string;

  /** @param clientLibraryUrl where the sockjs-client script is, a path of this server or a whole URL */
  constructor(clientLibraryUrl: string) {
    this.#html = `<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="${clientLibraryUrl.replaceAll("&", "&amp;")}"></script>
  <script>${BOOTSTRAP}</script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>`;
    this.#etag = `"${sha256(this.#html, "hex")}"`;
    const library = clientLibraryUrl.startsWith("/") ? "'self'" : new URL(clientLibraryUrl).origin;
    this.#contentSecurityPolicy = [
      "default-src 'none'",
      `script-src ${library} 'sha256-${sha256(BOOTSTRAP, "base64")}'`,
      "connect-src 'self'",
      "frame-src 'self'",
      "frame-ancestors 'self'",
    ].join("; ");
  }

  answer(req: Request, res: Response): void {
    res.setHeader("ETag", this.#etag);
    cacheForAYear(res);
    if (req.headers["if-none-match"] === this.#etag) {
      res.writeHead(304).end();
      return;
    }
    res.setHeader("Content-Security-Policy", this.#contentSecurityPolicy);
    res.setHeader("X-Frame-Options", "SAMEORIGIN");
    res.setHeader("X-Content-Type-Options", "nosniff");
    res.writeHead(200, { "Content-Type": "text/html; charset=UTF-8" });
    res.end(this.#html);
  }
}

function sha256(text: string, encoding: "hex" | "base64"): string {
  return createHash("sha256").update(text).digest(encoding);
}
