"""The bundled trainer: the methods of four papers on one batch contract."""
