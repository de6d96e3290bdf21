import { render } from "preact";

render(<h1>hush</h1>, document.body);
