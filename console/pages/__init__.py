"""The pages, one module each: a function that fills the frame with what `console.data` knows."""
