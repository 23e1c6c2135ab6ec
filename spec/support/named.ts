/** How long a step may take on a machine that is busy, in ms: beyond it, it hangs. */
const LIMIT = 90_000;

/**
 * Waits for one of several steps of a spec; a step that hangs is named by the error, which mocha's own does not do.
 *
 * @param state what is known then
 */
export async function named<T>(step: string, promise: Promise<T>, state = () => ""): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${LIMIT} ms for ${step}. ${state()}`.trimEnd())),
      LIMIT,
    );
  });
  try {
    return await Promise.race([promise, hung]);
  } finally {
    clearTimeout(timer);
  }
}
