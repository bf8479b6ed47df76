/** The REST service, as this front end calls it. */

/** A problem (RFC 9457): what the service says when it refuses. */
export class Refusal extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Return the service at *root*, signed out. */
export function connect(root) {
  // In memory and nowhere else: what a script can read from a store, any script can.
  let tokens = null;
  let renewing = null;

  async function ask(method, path, token, { body, headers } = {}) {
    const answer = await fetch(root + path, {
      method,
      headers: {
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
    const content = answer.status === 204 ? null : await answer.json();
    if (!answer.ok) throw new Refusal(content);
    return content;
  }

  // A refresh token is spent once, so all who wait for a new pair share one request.
  function renew() {
    renewing ??= ask("POST", "/api/auth/refresh", tokens.refresh_token)
      .then((pair) => { tokens = pair; })
      .finally(() => { renewing = null; });
    return renewing;
  }

  async function call(method, path, options) {
    try {
      return await ask(method, path, tokens?.access_token, options);
    } catch (error) {
      if (error.problem?.status !== 401 || !tokens) throw error;
      await renew();
      return ask(method, path, tokens.access_token, options);
    }
  }

  // Whoever loses the connection does not know whether the visit was booked. The same
  // key makes the second try safe: the service answers as it answered the first.
  async function book(visit) {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const options = { body: visit, headers };
    try {
      return await call("POST", "/api/appointments", options);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      return call("POST", "/api/appointments", options);
    }
  }

  return {
    async signIn(email, password) {
      const body = { email, password };
      tokens = await ask("POST", "/api/auth/login", null, { body });
      return tokens.user;
    },
    async signOut() {
      await call("POST", "/api/auth/logout");
      tokens = null;
    },
    day: (date) => call("GET", `/api/schedule/day${date ? `?date=${date}` : ""}`),
    patients: () => call("GET", "/api/patients?limit=200"),
    book,
    cancel: ({ id }) =>
      call("POST", `/api/appointments/${id}/cancel`, {
        body: { cancellation_type: "patient-cancelled" },
      }),
    // Only as it was seen: if somebody changed it meanwhile, the service refuses.
    move: ({ id, version }, to) =>
      call("POST", `/api/appointments/${id}/reschedule`, {
        body: to,
        headers: { "If-Match": `"${version}"` },
      }),
  };
}
