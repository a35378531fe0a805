"""The network: an encoder and the paper's decoder."""
