--- Where random numbers of specs start: the same for all runs, so that a run says something of what was changed.
--- MOONSNAP_SEED=$RANDOM ./run test PATTERN looks further; what then fails says its seed.
return tonumber(os.getenv("MOONSNAP_SEED")) or 1795526188
