import { ConfigurationError, type FieldIssue, MethodArgumentNotValidError } from "../errors.js";

/** The class that a payload parameter names. */
export type PayloadClass = new (...args: never[]) => object;

/** Checks payloads for parameters that name a class and have no schema. */
export interface PayloadValidator {
  /**
   * Gives what the method is handed, or a promise of it: an instance of the
   * class perhaps.
   *
   * @throws MethodArgumentNotValidError (or rejects with it) when the value does not fit
   */
  validate(value: object, type: PayloadClass): unknown;
}

/** The two functions of class-transformer and class-validator. */
export interface ClassValidatorFunctions {
  plainToInstance(type: PayloadClass, plain: object): unknown;
  validate(instance: object, options?: object): Promise<readonly ClassValidationError[]>;
}

/** The fields of class-validator's `ValidationError` that are used. */
export interface ClassValidationError {
  readonly property: string;
  readonly constraints?: Readonly<Record<string, string>> | undefined;
  readonly children?: readonly ClassValidationError[] | undefined;
}

/**
 * Makes a validator of class-validator's decorators, for the `validator`
 * option; it hands on instances of the classes.
 *
 * @param functions `plainToInstance` of class-transformer, `validate` of class-validator
 * @param options class-validator's own, such as `{ whitelist: true }`; classes without decorators pass unless
 *   `forbidUnknownValues` is set
 * @throws ConfigurationError when one of the functions is missing
 * @example
 * ```ts
 * import { plainToInstance } from "class-transformer";
 * import { validate } from "class-validator";
 *
 * stompMessaging({ endpoints, validator: classValidator({ plainToInstance, validate }, { whitelist: true }) });
 * ```
 */
export function classValidator(functions: ClassValidatorFunctions, options: object = {}): PayloadValidator {
  for (const name of ["plainToInstance", "validate"] as const) {
    if (typeof functions?.[name] !== "function") {
      throw new ConfigurationError(
        `classValidator takes { plainToInstance, validate }: ${name} is no function`,
      );
    }
  }
  return {
    async validate(value, type) {
      const instance = value instanceof type ? value : functions.plainToInstance(type, value);
      const errors = await functions.validate(instance as object, {
        forbidUnknownValues: false,
        ...options,
      });
      if (errors.length > 0) throw new MethodArgumentNotValidError(fieldIssues(errors));
      return instance;
    },
  };
}

/** Without recursion: a client's value may nest deeply. */
function fieldIssues(errors: readonly ClassValidationError[]): FieldIssue[] {
  const issues: FieldIssue[] = [];
  const left = errors.map((error) => ({ error, above: [] as string[] })).reverse();
  for (let next = left.pop(); next; next = left.pop()) {
    const { property, constraints = {}, children = [] } = next.error;
    const path = [...next.above, property];
    for (const message of Object.values(constraints)) issues.push({ path, message });
    left.push(...children.map((error) => ({ error, above: path })).reverse());
  }
  return issues;
}
