import { useEffect, useState } from "react";

const GONE = new Set(["cancelled", "completed", "no-show"]);

export function FrontDesk({ service, user, onSignedOut }) {
  const [day, setDay] = useState(null);
  const [patients, setPatients] = useState([]);
  const [refused, setRefused] = useState(null);

  useEffect(() => {
    attempt(async () => {
      const [listed, today] = await Promise.all([service.patients(), service.day()]);
      setPatients(listed.items);
      setDay(today);
    });
  }, [service]);

  // What is refused for its time may be tried *again* at another one.
  async function attempt(act, again) {
    setRefused(null);
    try {
      await act();
    } catch (error) {
      // The session is over: there is no new pair of tokens either.
      if (error.problem?.status === 401) onSignedOut();
      else setRefused({ message: error.message, problem: error.problem, again });
    }
  }

  const show = (date) => attempt(async () => setDay(await service.day(date)));

  // The day is read anew even after a refusal: somebody else may have changed it.
  async function change(act, date = day.date) {
    try {
      await act();
    } finally {
      setDay(await service.day(date));
    }
  }

  const book = (visit) =>
    attempt(
      () => change(() => service.book(visit), visit.date),
      (time) => book({ ...visit, ...time }),
    );

  const move = (visit, to) =>
    attempt(
      () => change(() => service.move(visit, to), to.date),
      (time) => move(visit, time),
    );

  const cancel = (visit) => attempt(() => change(() => service.cancel(visit)));

  const signOut = () =>
    attempt(async () => {
      await service.signOut();
      onSignedOut();
    });

  return (
    <main>
      <nav aria-label="Account">
        {user.name} <button onClick={signOut}>Sign out</button>
      </nav>
      {day && (
        <>
          <h1>
            <time dateTime={day.date}>{inWords(day.date)}</time>
          </h1>
          <nav aria-label="Days">
            <button onClick={() => show(moved(day.date, -1))}>Day before</button>
            <button onClick={() => show(moved(day.date, 1))}>Day after</button>
          </nav>
          <Day day={day} onMove={move} onCancel={cancel} />
          <Booking day={day} patients={patients} onBook={book} />
        </>
      )}
      {refused && <Refused {...refused} day={day} />}
    </main>
  );
}

function Day({ day, onMove, onCancel }) {
  return (
    <div className="day">
      {day.doctors.map(({ doctor, visits }) => (
        <section key={doctor.id} aria-label={doctor.name}>
          <h2>{doctor.name}</h2>
          <ul className="visits">
            {visits.map(({ appointment, patient_name }) => (
              <Visit
                key={`${appointment.id} ${appointment.version}`}
                visit={appointment}
                patient={patient_name}
                onMove={onMove}
                onCancel={onCancel}
              />
            ))}
          </ul>
          {visits.length === 0 && <p>Nobody yet.</p>}
        </section>
      ))}
    </div>
  );
}

function Visit({ visit, patient, onMove, onCancel }) {
  const name = `${visit.start_time} ${patient}`;

  function move(event) {
    event.preventDefault();
    const start_time = new FormData(event.currentTarget).get("start_time");
    onMove(visit, { date: visit.date, start_time });
  }

  return (
    <li>
      <span>
        {name}, {visit.status}
      </span>
      {!GONE.has(visit.status) && (
        <form aria-label={`Change ${name}`} onSubmit={move}>
          <input
            aria-label="Time"
            name="start_time"
            type="time"
            defaultValue={visit.start_time}
            required
          />
          <button>Move</button>
          <button type="button" onClick={() => onCancel(visit)}>
            Cancel
          </button>
        </form>
      )}
    </li>
  );
}

function Booking({ day, patients, onBook }) {
  const [visit, setVisit] = useState({});
  const noted = ({ target }) => setVisit({ ...visit, [target.name]: target.value });

  function submit(event) {
    event.preventDefault();
    onBook({ ...visit, date: day.date });
  }

  return (
    <form aria-label="Book a visit" onChange={noted} onSubmit={submit}>
      <Choice name="doctor_id" label="Doctor" options={day.doctors.map(asOption)} />
      <Choice name="patient_id" label="Patient" options={patients.map(nameAsOption)} />
      <label>
        Time
        <input name="start_time" type="time" required />
      </label>
      <button>Book</button>
    </form>
  );
}

const asOption = ({ doctor }) => [doctor.id, doctor.name];
const nameAsOption = (patient) => [patient.id, patient.full_name];

function Choice({ name, label, options }) {
  return (
    <label>
      {label}
      <select name={name} defaultValue="" required>
        <option value="" disabled>
          Choose
        </option>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Refused({ message, problem, again, day }) {
  const names = new Map(day?.doctors.map(asOption));

  return (
    <div role="alert">
      <p>{message}</p>
      {problem?.errors?.map(({ pointer, detail }) => (
        <p key={pointer}>
          {pointer} {detail}
        </p>
      ))}
      <p className="choices">
        {problem?.alternatives?.map(({ doctor_id, date, start_time }) => (
          <button
            key={`${doctor_id} ${date} ${start_time}`}
            onClick={() => again({ doctor_id, date, start_time })}
          >
            {inWords(date)}, {start_time}, {names.get(doctor_id)}
          </button>
        ))}
      </p>
    </div>
  );
}

// A date of the clinic is no instant: it is taken apart and put together in UTC, so
// that the zone of the browser moves nothing.
const noon = (date) => new Date(`${date}T12:00Z`);

function moved(date, days) {
  const other = noon(date);
  other.setUTCDate(other.getUTCDate() + days);
  return other.toISOString().slice(0, 10);
}

function inWords(date) {
  return noon(date).toLocaleDateString(undefined, { dateStyle: "full", timeZone: "UTC" });
}
