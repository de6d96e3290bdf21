/** Where the service is: beside the page, unless the build said otherwise. */
export const serviceAddress = new URL(import.meta.env.VITE_HUSH_SERVICE ?? "./", document.baseURI)
  .href;
