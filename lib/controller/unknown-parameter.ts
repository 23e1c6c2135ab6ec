import type { MethodKey } from "./metadata.js";

/**
 * Says why nothing is known of a parameter at run time, for the error that
 * names it.
 *
 * @param target the prototype of a method's class, or the class of a constructor
 */
export function whyUnknown(target: object, key?: MethodKey): string {
  const types =
    key === undefined
      ? Reflect.hasMetadata("design:paramtypes", target)
      : Reflect.hasMetadata("design:paramtypes", target, key);
  return types
    ? "the compiler notes no class for an interface, for a union such as User | undefined, for any and unknown, " +
        "nor for what is imported by import type"
    : "no types were noted when it was compiled: tsx, esbuild and Vite before 8 never note them, " +
        'tsc, swc and Vite from 8 on do with "emitDecoratorMetadata", of what has a decorator such as @injectable()';
}

/** Gives a parameter's place with its name in brackets, where the source of its function tells it. */
export function placeOf(index: number, functionName: string, source: string): string {
  const [, list = ""] = /^[^(]*\(([\w$\s,]*)\)/.exec(source) ?? [];
  const name = list.split(",")[index]?.trim();
  return `parameter ${index} of ${functionName}${name ? ` (${name})` : ""}`;
}
