import type { Request, RequestHandler, Response } from "express";
import { ConfigurationError } from "../index.js";
import type { AsyncApi } from "./async-api.js";
import { type PageFile, reactComponentFiles } from "./react-component.js";

/** Gives the document that a request may see; nothing if it may see none. */
export type AsyncApiForRequest = (
  request: Request,
) => AsyncApi | undefined | null | false | Promise<AsyncApi | undefined | null | false>;

/**
 * Nothing from elsewhere, and no script but the files of this page. The component compiles JSON Schemas to code as it is
 * loaded, and does not run without `'unsafe-eval'`.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AsyncAPI</title>
<link rel="stylesheet" href="style.css">
<script src="react-component.js" defer></script>
<script src="page.js" type="module"></script>
</head>
<body>
<main id="document"><p>The document is loading.</p></main>
</body>
</html>
`;

const SCRIPT = `const place = document.getElementById("document");
const response = await fetch("asyncapi.json");
const text = await response.text();
if (response.ok) {
  AsyncApiStandalone.render({ schema: text, config: { schemaID: "asyncapi", show: { errors: true } } }, place);
} else {
  place.textContent = text;
}
`;

/**
 * Serves a page that shows the document, for the people of a company say; `@asyncapi/react-component`, which has to be
 * installed, draws it. `asyncapi.json` beside it is the document itself.
 *
 * @param forRequest decides which document a request sees: that of its user, the whole, or none (403)
 * @throws ConfigurationError when `@asyncapi/react-component` is not installed
 * @example
 * ```ts
 * const messaging = stompMessaging({ endpoints: [{ path: "/ws" }] });
 * const api = asyncApi(messaging, { title: "Chat", version: "1.4.0" });
 * // For app.use("/docs/messaging", page), behind the middleware that finds req.user.
 * const page = asyncApiPage((request) => {
 *   const { user } = request as { user?: { name: string } };
 *   return user && api.forUser(user);
 * });
 * ```
 */
export function asyncApiPage(forRequest: AsyncApiForRequest): RequestHandler {
  if (typeof forRequest !== "function") {
    throw new ConfigurationError(
      "asyncApiPage takes a function of the request, which gives the document that it may see: (request) => request.user && api",
    );
  }
  const files = reactComponentFiles();
  return async (request, response, next) => {
    try {
      if (!(await serve(request, response, { files, forRequest }))) next();
    } catch (error) {
      next(error);
    }
  };
}

interface Serving {
  readonly files: ReadonlyMap<string, PageFile>;
  readonly forRequest: AsyncApiForRequest;
}

/** Whether the page has such a path. */
async function serve(request: Request, response: Response, { files, forRequest }: Serving): Promise<boolean> {
  const name = request.path.slice(1);
  const file = files.get(name);
  const isOurs = file !== undefined || ["", "page.js", "asyncapi.json"].includes(name);
  if (!isOurs || (request.method !== "GET" && request.method !== "HEAD")) return false;

  response.set({
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  });
  if (file !== undefined) {
    response.sendFile(file.name, { root: file.folder });
    return true;
  }
  const api = await forRequest(request);
  response.set("Cache-Control", "no-store");
  if (!api) response.status(403).type("text").send("You may not see this document.\n");
  else if (name === "page.js") response.type("js").send(SCRIPT);
  else if (name === "asyncapi.json") response.json(api);
  // The files that the page loads stand beside it.
  else if (!request.originalUrl.split("?", 1)[0]?.endsWith("/")) response.redirect(`${request.baseUrl}/`);
  else response.type("html").send(HTML);
  return true;
}
