import * as inversify from "inversify";
import { ConfigurationError } from "../errors.js";

// Named imports of what older versions lack would end in a SyntaxError that tells nobody what to install.
if (typeof inversify.injectFromBase !== "function") {
  throw new ConfigurationError(
    "express-stomp needs inversify 7 or 8, and an older one is installed: npm install inversify@8",
  );
}

export const { Container, injectable, injectFromBase, LazyServiceIdentifier } = inversify;
export type Container = inversify.Container;
export type LazyServiceIdentifier<T> = inversify.LazyServiceIdentifier<T>;
export type { Newable, ServiceIdentifier } from "inversify";
