import { useState } from "react";

import { FrontDesk } from "./FrontDesk.jsx";

export function App({ service }) {
  const [user, setUser] = useState(null);

  if (!user) return <SignIn service={service} onSignedIn={setUser} />;
  return <FrontDesk service={service} user={user} onSignedOut={() => setUser(null)} />;
}

function SignIn({ service, onSignedIn }) {
  const [refusal, setRefusal] = useState(null);

  async function signIn(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      onSignedIn(await service.signIn(form.get("email"), form.get("password")));
    } catch (error) {
      setRefusal(error.message);
    }
  }

  return (
    <main>
      <h1>Front desk</h1>
      <form onSubmit={signIn}>
        <label>
          E-mail
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button>Sign in</button>
      </form>
      {refusal && <p role="alert">{refusal}</p>}
    </main>
  );
}
