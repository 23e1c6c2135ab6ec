import { createRequire } from "node:module";
import { dirname } from "node:path";
import { ConfigurationError } from "../index.js";

const PACKAGE = "@asyncapi/react-component";
const FILES = { "react-component.js": "browser/standalone/index.js", "style.css": "styles/default.min.css" };

/** A file of the package that a page loads. */
export interface PageFile {
  readonly folder: string;
  readonly name: string;
}

/**
 * Gives the files of the installed `@asyncapi/react-component`, by the names under which the page loads them.
 *
 * @throws ConfigurationError when it is not installed
 */
export function reactComponentFiles(): ReadonlyMap<string, PageFile> {
  const { resolve } = createRequire(import.meta.url);
  try {
    return new Map(
      Object.entries(FILES).map(([name, file]) => {
        const path = resolve(`${PACKAGE}/${file}`);
        return [name, { folder: dirname(path), name: file.slice(file.lastIndexOf("/") + 1) }];
      }),
    );
  } catch (cause) {
    throw new ConfigurationError(
      `asyncApiPage needs ${PACKAGE}, version 3: npm install ${PACKAGE} react react-dom`,
      { cause },
    );
  }
}
