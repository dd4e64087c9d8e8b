"""Floor 0, beside the core: how `vmap` does all examples at once. Lanes stand for arrays; kinds have their rules here."""
