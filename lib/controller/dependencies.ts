import { LazyServiceIdentifier, type ServiceIdentifier } from "inversify";
import { ConfigurationError } from "../errors.js";

/** What a class has injected, as options of `Container.get`. */
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
  readonly constructorArguments: readonly ElementMetadata[];
  readonly properties: ReadonlyMap<unknown, ElementMetadata>;
}

interface ElementMetadata {
  readonly kind: number;
  readonly value: ServiceIdentifier<unknown> | LazyServiceIdentifier<unknown>;
  readonly optional: boolean;
  readonly name: string | number | symbol | undefined;
  readonly tags: ReadonlyMap<string | number | symbol, unknown>;
}

/**
 * Gives what is injected into a class's constructor and properties.
 *
 * @throws ConfigurationError when inversify does not say
 */
export function dependenciesOf(target: abstract new (...args: never[]) => unknown): Dependency[] {
  const metadata = Reflect.getMetadata(METADATA, target) as ClassMetadata | undefined;
  if (!metadata && target.length === 0) return [];
  if (!metadata) throw new ConfigurationError(`inversify does not tell what ${target.name} needs`);

  return [...metadata.constructorArguments, ...metadata.properties.values()]
    .filter(({ kind }) => kind === MULTIPLE || kind === SINGLE)
    .map(({ kind, value, optional, name, tags }) => {
      const [tag] = [...tags].map(([key, of]) => ({ key, value: of }));
      return {
        identifier: LazyServiceIdentifier.is(value) ? value.unwrap() : value,
        all: kind === MULTIPLE,
        optional,
        ...(name !== undefined && { name }),
        ...(tag && { tag }),
      };
    });
}
