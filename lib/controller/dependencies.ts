import { ConfigurationError } from "../errors.js";
import { LazyServiceIdentifier, type ServiceIdentifier } from "./inversify.js";
import { placeOf, whyUnknown } from "./unknown-parameter.js";

/** The dependencies of a class, as options of `Container.get`. */
export interface Dependency {
  readonly identifier: ServiceIdentifier<unknown>;
  /** `@multiInject`. */
  readonly all: boolean;
  readonly optional: boolean;
  readonly name?: string | number | symbol;
  readonly tag?: { readonly key: string | number | symbol; readonly value: unknown };
}

/** Under this name inversify keeps what its decorators say, in all of its copies. */
const METADATA = "@inversifyjs/core/classMetadataReflectKey";
const MULTIPLE = 0;
const SINGLE = 1;

interface ClassMetadata {
  /** Shorter than the constructor's parameters, or with holes, where nothing is known of one. */
  readonly constructorArguments: readonly (ElementMetadata | undefined)[];
  readonly properties: ReadonlyMap<unknown, ElementMetadata>;
}

interface ElementMetadata {
  readonly kind: number;
  readonly value: ServiceIdentifier<unknown> | LazyServiceIdentifier<unknown>;
  readonly optional: boolean;
  readonly name: string | number | symbol | undefined;
  readonly tags: ReadonlyMap<string | number | symbol, unknown>;
}

type Injected = abstract new (...args: never[]) => unknown;

/**
 * Gives what is injected into a class's constructor and properties.
 *
 * @throws ConfigurationError that names the parameter of the constructor which nothing is known of
 */
export function dependenciesOf(target: Injected): Dependency[] {
  const unknown = unknownParameterOf(target);
  if (unknown !== undefined) throw new ConfigurationError(`${target.name} cannot be made: ${unknown}`);

  return elementsOf(target)
    .filter(({ kind }) => kind === MULTIPLE || kind === SINGLE)
    .map(({ kind, value, optional, name, tags }) => {
      const [tag] = [...tags].map(([key, of]) => ({ key, value: of }));
      return {
        identifier: identifierOf(value),
        all: kind === MULTIPLE,
        optional,
        ...(name !== undefined && { name }),
        ...(tag && { tag }),
      };
    });
}

/**
 * Says why a class could not be made, if that is because nothing is known of a
 * parameter of its constructor, or of that of a class it needs.
 */
export function unknownDependency(target: Injected): string | undefined {
  const classes = new Set([target]);
  // A set hands out what is added to it meanwhile.
  for (const each of classes) {
    const unknown = unknownParameterOf(each);
    if (unknown !== undefined) return unknown;
    for (const { kind, value } of elementsOf(each)) {
      const identifier = kind === SINGLE ? identifierOf(value) : undefined;
      if (typeof identifier === "function") classes.add(identifier as Injected);
    }
  }
  return undefined;
}

function unknownParameterOf(target: Injected): string | undefined {
  const known = metadataOf(target)?.constructorArguments ?? [];
  const missing = Array.from({ length: target.length }, (_, index) => index).find((index) => !known[index]);
  if (missing === undefined) return undefined;

  const source = String(target);
  const written = source.slice(Math.max(source.search(/\bconstructor\s*\(/), 0));
  const place = placeOf(missing, `the constructor of ${target.name}`, written);
  return (
    `nothing is known at run time of ${place}: ${whyUnknown(target)}. ` +
    "Write before it what is injected: @inject(TheClass)"
  );
}

function elementsOf(target: Injected): ElementMetadata[] {
  const metadata = metadataOf(target);
  if (!metadata) return [];
  return [...metadata.constructorArguments, ...metadata.properties.values()].filter(
    (element) => element !== undefined,
  );
}

function metadataOf(target: Injected): ClassMetadata | undefined {
  return Reflect.getMetadata(METADATA, target) as ClassMetadata | undefined;
}

function identifierOf(value: ElementMetadata["value"]): ServiceIdentifier<unknown> {
  return LazyServiceIdentifier.is(value) ? value.unwrap() : value;
}
