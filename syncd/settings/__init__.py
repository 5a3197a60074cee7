"""What a merchant sets: `reading` is the way in, `whole` is what comes out of it."""
