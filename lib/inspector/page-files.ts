import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import type { Request, Response } from "express";
import { ConfigurationError } from "../index.js";
import { ICON, pageIn, STYLE } from "./look-of-page.js";

interface File {
  readonly type: string;
  readonly text: string;
}

/** Answers with the page and its files; their names are relative, so that any mount and any proxy will do. */
export interface PageFiles {
  /** The paths of the files beside the page. */
  readonly paths: readonly string[];
  page(req: Request, res: Response): void;
  file(req: Request, res: Response): void;
}

/** Reads the page's scripts, which the compiler has put beside this file. */
export function pageFiles(): PageFiles {
  const scripts = new URL("./page/", import.meta.url);
  const files = new Map<string, File>([
    ["/style.css", { type: "text/css", text: STYLE }],
    ["/icon.svg", { type: "image/svg+xml", text: ICON }],
  ]);
  for (const name of namesIn(scripts)) {
    if (!name.endsWith(".js")) continue;
    // No tool of a browser finds the map, which is not served.
    const text = readFileSync(new URL(name, scripts), "utf8").replace(
      /\n\/\/# sourceMappingURL=.*\s*$/,
      "\n",
    );
    files.set(`/page/${name}`, { type: "text/javascript", text });
  }
  return {
    paths: [...files.keys()],
    page(req, res) {
      const path = new URL(req.originalUrl, "http://localhost").pathname;
      if (!path.endsWith("/")) {
        // Relative, as what stands before it is perhaps a proxy's; and a path in any case, as its name may have a colon.
        const { search } = new URL(req.originalUrl, "http://localhost");
        res.redirect(302, `./${posix.basename(path)}/${search}`);
        return;
      }
      const asked = req.query.lang;
      const language = asked === "ko" || asked === "en" ? asked : req.acceptsLanguages("en", "ko") || "en";
      res.vary("Accept-Language").type("text/html").send(pageIn(language));
    },
    file(req, res) {
      const { type, text } = files.get(req.path) as File;
      res.set("Cache-Control", "no-cache").type(type).send(text);
    },
  };
}

/** @throws ConfigurationError when a bundler has left the files behind */
function namesIn(folder: URL): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new ConfigurationError(
      `inspector: the scripts of its page are not in ${folder.pathname}. A bundler of the server has to leave ` +
        "express-stomp out: it is external, as its peers are",
      { cause },
    );
  }
}
