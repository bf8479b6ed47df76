import { createRoot } from "react-dom/client";

import { App } from "./App.jsx";
import { connect } from "./service.js";

const { content } = document.querySelector("meta[name=service]");

createRoot(document.body).render(<App service={connect(content)} />);
