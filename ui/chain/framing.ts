// How sound is divided into frames, exactly as Whisper does it; hush/mel.py has the same numbers.
// Both the page and the kernels of wasm/ take them from here.

/** Samples a second. */
export const SAMPLE_RATE = 16_000;
/** Samples in a window: 25 ms. */
export const N_FFT = 400;
/** Samples between windows: 10 ms. */
export const HOP_LENGTH = 160;
/** Spectrogram columns a second. */
export const FRAMES_PER_SECOND = SAMPLE_RATE / HOP_LENGTH;
