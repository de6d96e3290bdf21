/** Why the service does not do something, in words for people. */

/** Codes of what is no failure: it has only to wait. */
const STARTING = new Set(["starting", "asleep", "model_loading"]);

export interface Problem {
  /** Begins with a small letter. */
  message: string;
  code: string | null;
}

/**
 * Reads a response that is not a success; null if it does not say why.
 *
 * The message ends with what the request is called in the service's logs, unless whoever asks knows
 * without those what to do: sign in, or wait.
 */
export async function problemOf(response: Response): Promise<Problem | null> {
  try {
    const { error } = (await response.json()) as {
      error: { message: string; code?: string | null; request_id?: string };
    };
    const { code = null, request_id: request } = error;
    const message = String(error.message);
    const known = response.status === 401 || response.status === 429 || STARTING.has(code ?? "");
    return { message: request && !known ? `${message} (request ${request})` : message, code };
  } catch {
    return null;
  }
}
