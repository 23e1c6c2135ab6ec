/** The code of a file without its comments, whose examples are of applications. */
export function codeOf(source: string): string {
  return source.replace(/\/\*.*?\*\//gs, "");
}
