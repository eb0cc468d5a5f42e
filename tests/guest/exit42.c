// expect: exit 42

/* A program without a single capability computes and ends; its code is the run's. */
int main(void) {
    return 42;
}
