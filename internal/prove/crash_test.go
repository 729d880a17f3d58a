package prove_test

func workerMain(string) {}
