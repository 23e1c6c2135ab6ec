/** Options that a registry fills in for an application. */
export type Draft<T> = { -readonly [Key in keyof T]: T[Key] };
