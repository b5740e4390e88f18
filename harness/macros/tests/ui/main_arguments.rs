tribunal::main!(suites);
